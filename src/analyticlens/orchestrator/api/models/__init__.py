"""The machines' models, one subject a file."""

from api.models.command import Command
from api.models.control import ControlLease
from api.models.desired import DesiredVersion
from api.models.group import GroupMember, GroupVersion, MachineGroup
from api.models.heartbeat import VMHeartbeat
from api.models.kept import KeptAnswer
from api.models.live import Instance, LiveEvent
from api.models.machine import VirtualMachine
from api.models.plant import Product, Shift
from api.models.tool import VMInspectionTool
from api.models.transition import Transition

__all__ = [
    "Command",
    "ControlLease",
    "DesiredVersion",
    "GroupMember",
    "GroupVersion",
    "Instance",
    "KeptAnswer",
    "LiveEvent",
    "MachineGroup",
    "Product",
    "Shift",
    "Transition",
    "VMHeartbeat",
    "VMInspectionTool",
    "VirtualMachine",
]
