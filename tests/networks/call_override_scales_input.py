# __call__ is overridden: it checks and rescales the images before nn.Module's own __call__ takes over.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def __call__(self, images, *args, **kwargs):
        if not torch.is_tensor(images):
            raise TypeError('give me a tensor, not %s' % type(images))
        if images.dim() == 3:
            images = images.unsqueeze(1)
        return super().__call__(images / 1.0 + 0.0, *args, **kwargs)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x).reshape(x.shape[0], -1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
