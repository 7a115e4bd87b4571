class Net(nn.Module):
    """Two convolution layers, a dropout, and two fully connected layers with a dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.drop1 = nn.Dropout(0.2)
        self.fc1 = nn.Linear(256, 84)
        self.drop2 = nn.Dropout(0.2)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, 1, 28, 28) images into (N, 10) log-probabilities, one for each digit."""
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = self.drop1(x).reshape(-1, 256)
        x = self.drop2(torch.sigmoid(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
