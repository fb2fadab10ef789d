"""The database's words with their titles; the words themselves are the contract's."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

STATUSES = [
    ("stopped", _("Stopped")),
    ("running", _("Running")),
    ("error", _("Error")),
    ("maintenance", _("Maintenance")),
    ("offline", _("Offline")),
]
MODES = [("PRODUCAO", _("Production")), ("TESTE", _("Test")), ("DESENVOLVIMENTO", _("Development"))]
CONNECTION_STATUSES = [
    ("connected", _("Connected")),
    ("disconnected", _("Disconnected")),
    ("connecting", _("Connecting")),
    ("error", _("Error")),
]
SOURCE_TYPES = [
    ("camera", _("Local camera")),
    ("camera_IP", _("Network camera")),
    ("pasta", _("Picture folder")),
    ("rtsp", _("RTSP stream")),
    ("picamera2", _("Raspberry Pi camera")),
    ("genicam", _("Industrial camera (GenICam)")),
]
TRIGGER_TYPES = [
    ("continuous", _("Continuous")),
    ("manual", _("Manual")),
    ("external", _("External")),
    ("scheduled", _("Scheduled")),
]
LINK_KINDS = [("edge", _("Dials in by itself")), ("legacy", _("Installed machine, called over HTTP"))]
TOOL_TYPES = [
    ("grayscale", _("Grayscale")),
    ("blob", _("Blob")),
    ("math", _("Math")),
    ("custom", _("Custom")),
    ("blur", _("Blur")),
    ("threshold", _("Threshold")),
    ("morphology", _("Morphology")),
    ("locate", _("Locate")),
    ("intensity", _("Intensity")),
    ("normalize", _("Normalize")),
    ("background", _("Background")),
    ("flat_field", _("Flat field")),
    ("histogram", _("Histogram")),
    ("focus", _("Focus")),
    ("edge", _("Edges")),
    ("colour", _("Colour")),
    ("caliper", _("Caliper")),
    ("line", _("Line")),
    ("circle", _("Circle")),
    ("measure", _("Measure")),
    ("calibration", _("Calibration")),
    ("datum", _("Datum")),
    ("match", _("Match")),
    ("golden", _("Golden picture")),
    ("code", _("Code")),
    ("ocr", _("Text (OCR)")),
    ("onnx", _("Neural network")),
    ("logic", _("Logic")),
    ("plugin", _("Plug-in")),
]
METHODS = [
    ("luminance", _("Luminance")),
    ("threshold", _("Threshold")),
    ("edge_detection", _("Edge detection")),
    ("pattern_matching", _("Pattern matching")),
]
APPLY_STATES = [
    ("none", _("Nothing asked")),
    ("applying", _("Applying")),
    ("applied", _("Applied")),
    ("rejected", _("Rejected")),
    ("rolled_back", _("Rolled back")),
]
COMMAND_KINDS = [
    ("trigger", _("Trigger")),
    ("snapshot", _("Snapshot")),
    ("clear_error", _("Clear error")),
    ("test_source", _("Test of a source")),
    ("discover", _("Search for cameras")),
    ("camera_lookup", _("Look-up of a camera")),
]
COMMAND_STATES = [
    ("queued", _("Queued")),
    ("started", _("Started")),
    ("done", _("Done")),
    ("failed", _("Failed")),
    ("refused", _("Refused")),
    ("expired", _("Expired")),
    ("unknown", _("Unknown")),
]
