"""The vocabulary that everything speaks: pure values and functions of them. No IO, no clock."""
