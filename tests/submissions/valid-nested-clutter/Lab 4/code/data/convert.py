# written by a download tool, no network in here
print('convert')
