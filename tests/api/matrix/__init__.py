"""The matrix: what every resource type must do, tested for each from its example."""
