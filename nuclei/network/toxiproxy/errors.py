"""The errors of the control API, with the words and status codes of Toxiproxy 2.12 (its ``api.go``)."""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than success: ``{"error": message, "status": status}``."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def document(self) -> dict[str, object]:
        """The JSON body as a dictionary."""
        return {"error": self.message, "status": self.status}


class BodyError(Exception):
    """A request body that cannot be decoded; becomes a 400 "bad request body: ..."."""


class AddressError(Exception):
    """An address that cannot be parsed, resolved or listened on; becomes a 500 with Go's wording."""


def bad_request_body(cause: object) -> ApiError:
    """400, for a body that is not JSON or has a field of the wrong type."""
    return ApiError(f"bad request body: {cause}", 400)


def missing_field(what: str) -> ApiError:
    """400, for a proxy without a name or an upstream."""
    return ApiError(f"missing required field: {what}", 400)


def proxy_not_found() -> ApiError:
    """404, for a proxy name nobody created."""
    return ApiError("proxy not found", 404)


def proxy_already_exists() -> ApiError:
    """409, for a second POST of the same proxy name."""
    return ApiError("proxy already exists", 409)


def toxic_not_found() -> ApiError:
    """404, for a toxic name the proxy does not have on either stream."""
    return ApiError("toxic not found", 404)


def toxic_already_exists() -> ApiError:
    """409: toxic names are unique in a proxy across both streams."""
    return ApiError("toxic already exists", 409)


def invalid_stream() -> ApiError:
    """400, for a stream other than upstream and downstream (any case)."""
    return ApiError("stream was invalid, can be either upstream or downstream", 400)


def invalid_toxic_type() -> ApiError:
    """400, for a type that is none of the seven."""
    return ApiError("invalid toxic type", 400)
