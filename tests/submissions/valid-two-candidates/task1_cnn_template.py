import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        # TODO

    def forward(self, x):
        # TODO
        pass
