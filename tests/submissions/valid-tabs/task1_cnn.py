import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
	def __init__(self):
		super(Net, self).__init__()
		self.conv1 = nn.Conv2d(1, 8, 3)
		self.conv2 = nn.Conv2d(8, 16, 3)
		self.pool = nn.MaxPool2d(2)
		self.drop = nn.Dropout(0.25)
		self.fc1 = nn.Linear(400, 50)
		self.fc2 = nn.Linear(50, 10)

	def forward(self, x):
		x = self.pool(F.relu(self.conv1(x)))
		x = self.pool(F.relu(self.conv2(x)))
		x = self.drop(x)
		x = x.view(-1, 400)
		x = self.drop(F.relu(self.fc1(x)))
		return F.log_softmax(self.fc2(x), dim=1)


if __name__ == '__main__':
	print(Net())
