# __init__ sends a blank image through the convolutions to learn the size of the flat vector.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, input_shape=(1, 28, 28)):
        super().__init__()
        self.conv1 = nn.Conv2d(input_shape[0], 12, 4)
        self.conv2 = nn.Conv2d(12, 18, 4)
        n_size = self._get_conv_output(input_shape)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(n_size, 50)
        self.fc2 = nn.Linear(50, 10)

    def _get_conv_output(self, shape):
        input = torch.autograd.Variable(torch.rand(1, *shape))
        output_feat = self._forward_features(input)
        return output_feat.data.view(1, -1).size(1)

    def _forward_features(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        return F.relu(F.max_pool2d(self.conv2(x), 2))

    def forward(self, x):
        x = self.drop(self._forward_features(x))
        x = x.view(x.size(0), -1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
