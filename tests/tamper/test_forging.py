"""The forger's workshop itself: what it makes of unchanged records is what the log made."""

from tests.tamper.forging import FINE, Judge, World, chained, records_of, told_of


def test_what_is_not_changed_is_sound_and_signed_anew_the_same(world: World, judge: Judge) -> None:
    assert judge(world.files) == FINE
    assert judge(world.files, world.witnessed) == FINE
    records = records_of(world.files)
    assert chained(told_of(world.files)) == records
    sizes = [int(name.partition("/")[2]) for name in world.files if name.startswith("checkpoints/")]
    again = world.signed(records, *sizes)
    for name, content in again.items():
        if not name.startswith("checkpoint"):  # those have cosignatures
            assert content == world.files[name], name
    assert again.keys() == world.files.keys() - {f"checkpoints/{len(records)}"}
    assert judge(again) == FINE
    assert judge(again, world.witnessed) == (3, "quorum", None)
