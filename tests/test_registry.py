from abc import abstractmethod
from typing import Any

import pytest

from physgen.core.errors import InputError
from physgen.core.registry import Registered, plain


@pytest.fixture
def family():
    """A family of its own with one parent whose arguments its children hand on."""

    class Shape(Registered):
        abstract = True

        def __init__(self, size: float = 1.0, tags: tuple[str, ...] = (), parent: Any = None) -> None:
            self.size = size

    class Square(Shape):
        def __init__(self, side: int = 2, name: str = "square", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.side = side

    class Circle(Shape):
        """Takes the arguments of its parent."""

    return Shape, Square, Circle


def test_classes_are_found_by_their_name(family):
    shape, square, circle = family
    assert shape.registry == {"Square": square, "Circle": circle}
    assert shape.lookup("Square") is square and shape.lookup("anywhere.at.all.Circle") is circle
    assert shape.family() == square.family() == "shape"
    with pytest.raises(InputError, match="^shape must be one of Circle, Square, got 'Squar'; did you mean Square"):
        shape.lookup("Squar")


def test_families_are_apart(family):
    class Colour(Registered):
        pass

    class Circle(Colour):
        pass

    assert Colour.registry == {"Circle": Circle} and family[0].registry["Circle"] is family[2]


def test_abstract_and_private_classes_are_not_entered(family):
    shape = family[0]

    class Polygon(shape):
        abstract = True

        @abstractmethod
        def corners(self): ...

    class _Hidden(Polygon):
        pass

    class Triangle(Polygon):
        pass

    assert set(shape.registry) == {"Square", "Circle", "Triangle"}


def test_a_second_class_of_the_same_name_is_refused(family):
    shape, square, _ = family
    with pytest.raises(InputError, match="class Square of elsewhere is already registered by") as refusal:
        type("Square", (shape,), {"__module__": "elsewhere"})
    assert "\n" not in str(refusal.value) and shape.registry["Square"] is square
    # the same class again, as after a reload of its module, takes its place
    again = type("Square", (shape,), {"__module__": square.__module__, "__qualname__": square.__qualname__})
    assert shape.registry["Square"] is again


def test_arguments_are_recorded_with_defaults_and_those_handed_on(family):
    _, square, circle = family
    assert square(3, size=2.5).init_args == {"side": 3, "name": "square", "size": 2.5, "tags": (), "parent": None}
    assert square().init_args == {"side": 2, "name": "square", "size": 1.0, "tags": (), "parent": None}
    assert circle(4.0).init_args == {"size": 4.0, "tags": (), "parent": None}
    assert square(name="a", side=1).init_args["name"] == "a"


def test_a_child_that_fixes_an_argument_does_not_record_it(family):
    class Unit(family[0]):
        def __init__(self, name: str = "unit") -> None:
            super().__init__(size=1.0)

    assert Unit().init_args == {"name": "unit"}


def test_an_integer_for_a_float_is_kept_as_a_float(family):
    _, square, circle = family
    assert type(circle(2).init_args["size"]) is float and type(circle(size=2).init_args["size"]) is float
    assert type(square(side=2).init_args["side"]) is int
    assert circle(True).init_args["size"] is True  # left for the constructor to refuse


def test_an_integer_for_a_float_that_is_handed_on_is_kept_as_a_float(family):
    assert type(family[1](size=2).init_args["size"]) is float


def test_spec_of_plain_values(family):
    shape, square, circle = family
    inner = circle(2.0)
    spec = square(parent=inner, tags=("a", "b")).spec()
    assert spec["class_path"].endswith("Square")
    assert spec["init_args"] == {
        "side": 2,
        "name": "square",
        "size": 1.0,
        "tags": ["a", "b"],
        "parent": {"class_path": inner.spec()["class_path"], "init_args": {"size": 2.0, "tags": [], "parent": None}},
    }
    again = shape.of(spec)
    assert type(again) is square and again.spec() == spec
    assert plain([(1, inner)]) == [[1, inner.spec()]]


def test_what_describes_an_object(family):
    shape, square, _ = family
    held = square()
    assert shape.of(held) is held
    assert type(shape.of("Square")) is square and shape.of("Square").side == 2
    assert shape.of({"class_path": "Square", "init_args": {"side": 5}}).side == 5
    assert shape.of({"class_path": "Square", "init_args": None}).side == 2


@pytest.mark.parametrize("value", [3, None, {}, {"class_path": 3}, {"init_args": {}}, ["Square"], object])
def test_what_describes_nothing_is_refused(family, value):
    with pytest.raises(InputError, match="^shape must be a shape, its name or") as refusal:
        family[0].of(value)
    assert "\n" not in str(refusal.value)


def test_arguments_that_do_not_fit_are_refused(family):
    with pytest.raises(InputError, match="shape.init_args does not fit Square: .*colour"):
        family[0].of({"class_path": "Square", "init_args": {"colour": 1}})
