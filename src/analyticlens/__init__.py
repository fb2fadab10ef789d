"""AnalyticLens: vision machines that judge parts, and one place that shows and steers them."""

__version__ = "0.1.0"
