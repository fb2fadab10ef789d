"""The api app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    """Machines, their tools and heartbeats."""

    name = "api"
    verbose_name = _("Machines")

    def ready(self) -> None:
        """Have what people write leave entries."""
        from api.models import (
            Command,
            DesiredVersion,
            GroupMember,
            GroupVersion,
            MachineGroup,
            Product,
            Shift,
            VirtualMachine,
            VMInspectionTool,
        )
        from api.receiving import LIVING
        from audit.models import track

        # What a machine says of itself is a fact. Only its status is set by people too: maintenance.
        track(VirtualMachine, but={*LIVING, "created_at", "updated_at"} - {"status"})
        track(VMInspectionTool, but={"created_at", "updated_at"})
        track(DesiredVersion)
        track(Product)
        track(MachineGroup)
        track(GroupVersion)
        track(GroupMember)
        track(Shift)
        track(Command, but={"state", "message", "result", "reported_at"})
