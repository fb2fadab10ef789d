"""A module that cannot even be imported."""


class NotToday(Exception):
    """An exception of the plug-in's own kind."""


raise NotToday("not today")
