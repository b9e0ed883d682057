"""What VROOM's JSON looks like, as of its version 1.14 (docs/API.md of VROOM-Project/vroom)."""

from typing import Annotated, Any

from pydantic import Field

from optimizers.documents import Document

Whole = Annotated[int, Field(ge=0, lt=2**53)]
Coordinate = tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]]
Span = tuple[Whole, Whole]
Table = list[list[Whole]]


class VroomJob(Document):
    id: Whole
    description: str = ""
    location: Coordinate | None = None
    location_index: Whole | None = None
    setup: Whole = 0
    service: Whole = 0
    delivery: list[Whole] = Field([])
    pickup: list[Whole] = Field([])
    amount: list[Whole] = Field([], description="of versions before 1.3: as delivery")
    skills: list[Whole] = Field([])
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    time_windows: list[Span] = Field([])


class VroomBreak(Document):
    id: Whole
    description: str = ""
    time_windows: list[Span]
    service: Whole = 0


class VroomCosts(Document):
    fixed: Whole = 0
    per_hour: Whole = 3_600
    per_km: Whole = 0


class VroomStep(Document):
    """Of a start solution: only jobs are of use, as the plan in force."""

    type: str
    id: Whole | None = None
    service_at: Whole | None = None
    service_after: Whole | None = None
    service_before: Whole | None = None


class VroomVehicle(Document):
    id: Whole
    profile: str = "car"
    description: str = ""
    start: Coordinate | None = None
    start_index: Whole | None = None
    end: Coordinate | None = None
    end_index: Whole | None = None
    capacity: list[Whole] = Field([])
    costs: VroomCosts = VroomCosts()
    skills: list[Whole] = Field([])
    time_window: Span | None = None
    breaks: list[VroomBreak] = Field([])
    speed_factor: Annotated[float, Field(gt=0, le=5)] = 1.0
    max_tasks: Whole | None = None
    max_travel_time: Whole | None = None
    max_distance: Whole | None = None
    steps: list[VroomStep] = Field([])


class VroomMatrices(Document):
    durations: Table
    distances: Table | None = None


class VroomProblem(Document):
    jobs: list[VroomJob] = Field([])
    vehicles: list[VroomVehicle]
    matrices: dict[str, VroomMatrices] = Field({})
    shipments: list[Any] = Field([])
    options: dict[str, Any] = Field({}, description="of a server: says nothing of the problem")
