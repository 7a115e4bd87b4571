#!/bin/sh
# Grade a cohort in eight shards on a Slurm cluster. Submit it from the folder of the course, on a disk that all nodes
# see, with the virtual environment of the grader active:
#
#   (umask 077; openssl rand -hex 16 > run.key)
#   sbatch examples/slurm.sh submissions
#
# When all tasks have ended, also with code 1 (a tutor is needed):
#
#   python -m grader merge merged shards/*
#
# A task that failed goes again by its number, and continues: sbatch --array=5 examples/slurm.sh submissions

#SBATCH --job-name=lab4
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=01:00:00

umask 077
# Not --shard auto/8, which needs the whole array: a task that goes again by its number is an array of one.
python -m grader grade "$1" --shard "$SLURM_ARRAY_TASK_ID/8" --out "shards/$SLURM_ARRAY_TASK_ID" --secret run.key \
    --key key.toml --device cpu --jobs "$SLURM_CPUS_PER_TASK" --isolation require --quiet
