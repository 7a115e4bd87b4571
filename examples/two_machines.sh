#!/bin/sh
# Grade a cohort on this machine and on another one, which needs ssh, rsync and the same version of the grader:
#
#   sh examples/two_machines.sh submissions user@host
set -eu
umask 077
submissions=$1 host=$2 place=lab4-shard

test -e run.key || openssl rand -hex 16 > run.key
ssh "$host" "umask 077; mkdir -p $place; rm -f $place/grade.pid"
rsync -a --delete "$submissions/" "$host:$place/submissions/"
rsync -a run.key key.toml "$host:$place/"

# Exit code 1 says that a tutor is needed; the shard is complete. After an interruption, run this script again.
ssh "$host" "cd $place && echo \$\$ > grade.pid && exec python -m grader grade submissions --shard 2/2 --out shard-2 --secret run.key --key key.toml --device cpu --isolation require --quiet" &
there=$!
# If this half fails, the other one must not go on unseen: the next try would grade into the same folder.
trap 'kill -0 $there 2> /dev/null && ssh "$host" "kill \$(cat $place/grade.pid)"' EXIT
trap 'exit 130' HUP INT TERM
python -m grader grade "$submissions" --shard 1/2 --out shard-1 --secret run.key --key key.toml --device cpu \
    --isolation require --quiet || test $? -eq 1
wait $there || test $? -eq 1
trap - EXIT

rsync -a "$host:$place/shard-2/" shard-2/
python -m grader merge merged shard-1 shard-2 || test $? -eq 1
ssh "$host" "rm -r $place"  # it has students' work, the key and the secret
