"""The territory as data: its folder, the outlines of its communes, and the exchange with other inventories."""
