"""`netc view`: nets as one HTML file, drawn, with the report's table and the arithmetic of it."""

from netc.compiler.view.page import page

__all__ = ["page"]
