# all numbers in one place
c1 = 10
c2 = 20
hidden = 50
dropout = 0.25
