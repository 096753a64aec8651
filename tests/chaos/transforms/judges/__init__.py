"""Plain loops over what a stock consumer reads and what ClickHouse answers: no code of the streams is used here.

Each judge is given lists and gives findings, a line each; an empty list: all is as it must be.
"""
