"""Collection: containers and trucks of the inventory, what is believed of fills, the rounds of a day, and setpoints."""
