# Q1: A neural network that has two or more hidden layers between its input and its output.
# Q2: Deep learning finds its features by itself, from the raw data. With shallow methods a person designs the features by hand before any training.
# Q3: Tasks on data in a grid, images above all: recognising and locating objects.
# Q4: They see different regions: each neuron of the map looks at its own patch of the input.
# Q5: It makes the feature maps smaller, which saves parameters and computation later on.
# Q6a: 4 5
# 1 3
# Q6b: 2.5 2.5
# 0.5 2
# Q7a: As many as whoever builds the network decides; it is a hyperparameter.
# Q7b: With the input of the layer. At every place a dot product of the weights and the patch under them is taken.
# Q7c: Once for every neuron in the activation map, so it depends on input size, kernel size, stride and padding.
# Q7d: One value.
# Q7e: In the feature map of that filter.
# Q8: To reduce overfitting to the training data.

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)
