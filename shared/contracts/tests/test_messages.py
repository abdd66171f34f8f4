"""The requests the services answer."""

import msgspec
import pytest

from shared.contracts import messages
from shared.contracts.messages import EVERYONES, REQUESTS, SERVICES, Request, answer_type
from shared.contracts.streams import STREAMS, rpc_stream


def declared() -> set[type[Request[object]]]:
    """Return every request class of the contract."""
    found = (value for value in vars(messages).values() if isinstance(value, type))
    return {value for value in found if issubclass(value, Request) and hasattr(value, "METHOD")}


def test_every_request_is_listed() -> None:
    """What every service answers belongs to no service's list."""
    assert declared() == {*REQUESTS, *EVERYONES}


def test_methods_are_unique() -> None:
    """A service finds its handler by the method alone."""
    methods = [request.METHOD for request in (*REQUESTS, *EVERYONES)]
    assert len(set(methods)) == len(methods)


def test_every_request_goes_to_a_service_with_a_stream() -> None:
    """A request to a service that nobody reads would wait out its deadline."""
    names = {stream.name for stream in STREAMS}
    assert {request.SERVICE for request in REQUESTS} <= set(SERVICES)
    assert {rpc_stream(service) for service in SERVICES} <= names


@pytest.mark.parametrize("request_type", [*REQUESTS, *EVERYONES])
def test_the_answers_type_is_found_and_can_be_decoded(request_type: type[Request[object]]) -> None:
    """What the caller decodes a reply into is what the class names."""
    answer = answer_type(request_type)
    assert isinstance(answer, type)
    msgspec.json.Decoder(answer)


@pytest.mark.parametrize("request_type", [*REQUESTS, *EVERYONES])
def test_a_request_survives_json(request_type: type[Request[object]]) -> None:
    """Defaults included: what the caller encodes, the service decodes to the same."""
    required = {
        field.encode_name: "x@example.org" if field.encode_name == "email" else "prometheus-or-longer"
        for field in msgspec.structs.fields(request_type)
        if field.required
    }
    if "form" in required:
        required["form"] = "prometheus" if request_type is messages.RenderMetrics else "csv"
    if "command" in required:
        required["command"] = "analyze"
    if "version" in required:
        required["version"] = 3  # type: ignore[assignment]  # this is a number
    for name in {"spec", "grid"} & required.keys():
        required[name] = {}  # type: ignore[assignment]  # these are objects
    sent = msgspec.convert(required, request_type)
    assert msgspec.json.decode(msgspec.json.encode(sent), type=request_type) == sent
