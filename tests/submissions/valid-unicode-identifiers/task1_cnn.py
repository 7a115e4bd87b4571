import torch.nn as nn
import torch.nn.functional as F

größe = 5
通道 = (10, 20)
ρ = 0.25

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.卷积一 = nn.Conv2d(1, 通道[0], größe)
        self.卷积二 = nn.Conv2d(通道[0], 通道[1], größe)
        self.弃 = nn.Dropout(ρ)
        self.全连接一 = nn.Linear(320, 50)
        self.全连接二 = nn.Linear(50, 10)

    def forward(self, χ):
        χ = F.max_pool2d(F.relu(self.卷积一(χ)), 2)
        χ = F.max_pool2d(F.relu(self.卷积二(χ)), 2)
        χ = self.弃(χ).view(-1, 320)
        χ = self.弃(F.relu(self.全连接一(χ)))
        return F.log_softmax(self.全连接二(χ), dim=1)
