class Net(nn.Module):
    """Two convolution layers, a dropout, and two fully connected layers with a dropout between them."""

    def __init__(self, channels1: int = 10, channels2: int = 20, kernel1: int = 5, kernel2: int = 5) -> None:
        super().__init__()
        side = ((28 - kernel1 + 1) // 2 - kernel2 + 1) // 2
        self.conv1 = nn.Conv2d(1, channels1, kernel1)
        self.conv2 = nn.Conv2d(channels1, channels2, kernel2)
        self.conv_dropout = nn.Dropout2d(0.3)
        self.fc1 = nn.Linear(channels2 * side * side, 64)
        self.fc_dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, 1, 28, 28) images into (N, 10) log-probabilities, one for each digit."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.conv_dropout(x).flatten(1)
        x = self.fc_dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
