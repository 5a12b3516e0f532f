"""The syntax of `.net` files: one Lark grammar, which knows no layer's name."""
