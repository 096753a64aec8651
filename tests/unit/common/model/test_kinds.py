from common.model.kinds import split


def test_a_type_falls_into_its_name_and_arguments_however_it_is_spelled():
    assert split("UInt8") == ("UInt8", [])
    assert split("Map(String,Array( Nullable(UInt8) ))") == ("Map", ["String", "Array( Nullable(UInt8) )"])
    assert split("Enum8('a, b' = 1, ')' = 2)") == ("Enum8", ["'a, b' = 1", "')' = 2"])
