"""Small made texts in the formats of the field."""

import json
from typing import Any

from optimizers.result import Limits

FEW = Limits(work=100)
VRP = """NAME : four
COMMENT : (made)
TYPE : CVRP
DIMENSION : 5
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 0 3
3 4 0
4 1 1
5 -1 -2
DEMAND_SECTION
1 0
2 4
3 5
4 6
5 1
DEPOT_SECTION
1
-1
EOF
"""
EXPLICIT = """NAME : three
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : LOWER_ROW
CAPACITY : 3
VEHICLES : 2
EDGE_WEIGHT_SECTION
7
8 9
DEMAND_SECTION
1 0
2 1
3 2
DEPOT_SECTION
1
-1
EOF
"""
SOLOMON = """made

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.   XCOORD.   YCOORD.   DEMAND   READY TIME   DUE DATE   SERVICE   TIME

    0   0    0    0    0   100    0
    1   1    1    4    5    20    2
    2  -3    4    6    0    50   10
"""
KIM = """280.0  // vehicle capacity (yards), real number
400.0 // total yardage allowed for a vehicle per day, real number
500 // total number of regular stops for a vehicle allowed per day
3600 // lunch time duration in second
40 // speed: MPH
Stop_ID\tX(feet)\tY(feet)\tEarly_St_Time (HHMM)\tLate_St_Time (HHMM)\tSvice_Time(Sec)\tLoad (Yards)\t"Stop_Type"
0 0 0 0400 1500 0 9999 0
1 5280 0 0000 2400 1600 9999 2
2 5280 10560 0730 2400 120 12.5 1
3 -5280 0 0000 0700 60 6 1
"""
VROOM: dict[str, Any] = {
    "vehicles": [
        {"id": 1, "start_index": 0, "end_index": 0, "capacity": [4], "skills": [1], "time_window": [0, 20000]},
        {"id": 2, "start_index": 3, "capacity": [4], "speed_factor": 2.0, "max_tasks": 3, "max_travel_time": 9000},
    ],
    "jobs": [
        {"id": 14, "location_index": 1, "setup": 60, "service": 300, "pickup": [1], "skills": [1]},
        {"id": 15, "location_index": 2, "pickup": [2], "priority": 10, "time_windows": [[3600, 7200], [9000, 9900]]},
    ],
    "matrices": {
        "car": {"durations": [[0, 2104, 197, 1299], [2103, 0, 2255, 3152], [197, 2256, 0, 1102], [1299, 3153, 1102, 0]]}
    },
}
TEXTS = {"vrplib": VRP, "solomon": SOLOMON, "kim": KIM, "vroom": json.dumps(VROOM)}
