"""The bill of materials of a bundle in CycloneDX: what its wheels are, their hashes, licences, and who asks for whom.

Made by the CycloneDX library from the wheels that are carried, so it lists what the bundle holds for one platform and
Python, and not all that ``requirements.lock`` names for others. It names no registry.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from deploy.locked import LockError, Wheel

VERSION = SchemaVersion.V1_6
TROVE = "License :: "
NAME_LENGTH = 80
DECLARED = LicenseAcknowledgement.DECLARED


def render(
    wheels: Mapping[str, Wheel], asked: Mapping[str, frozenset[str]], *, root: Wheel, platform: str, made: datetime
) -> str:
    """The bill as JSON: ``root`` as the main component, every other wheel of ``asked`` as a library, and their edges.

    ``platform`` says for which Python and machine; ``made`` (with its zone) is its timestamp. Same wheels, same bytes.
    Raises ``LockError`` where the library's own strict validator refuses it.
    """
    libraries = {name: _component(wheels[name], ComponentType.LIBRARY) for name in asked if name != root.name}
    main = _component(root, ComponentType.APPLICATION)
    digests = sorted(component.hashes[0].content for component in (main, *libraries.values()))
    scope = f"wheels of this bundle, the lock's markers evaluated for {platform}; development packages left out"
    bom = Bom(
        serial_number=uuid5(NAMESPACE_OID, "".join(digests)),
        components=libraries.values(),
        metadata=BomMetaData(component=main, timestamp=made, properties=[Property(name="wengang:scope", value=scope)]),
    )
    components = {**libraries, root.name: main}
    for name, edges in asked.items():
        bom.register_dependency(components[name], [components[edge] for edge in sorted(edges)])
    text = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=2)
    refuse_invalid(text)
    return text + "\n"


def refuse_invalid(text: str) -> None:
    """Raise ``LockError`` where the library's strict validator finds a fault in the bill ``text``."""
    fault = JsonStrictValidator(VERSION).validate_str(text)
    if fault is not None:
        raise LockError([f"sbom.cdx.json: not valid CycloneDX {VERSION.to_version()}: {fault}"])


def _component(wheel: Wheel, kind: ComponentType) -> Component:
    return Component(
        type=kind,
        bom_ref=f"{wheel.name}=={wheel.version}",
        name=wheel.name,
        version=wheel.version,
        description=wheel.metadata.get("summary"),
        licenses=_licences(wheel),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        purl=PackageURL("pypi", None, wheel.name, wheel.version),
    )


def _licences(wheel: Wheel) -> Iterable[License]:
    """As declared: what SPDX knows of the expression or the licence field, else the classifiers, else a short field."""
    field = wheel.metadata.get("license_expression") or wheel.metadata.get("license", "").strip()
    said = _licence(field)
    if isinstance(said, LicenseExpression) or said.id:
        return [said]
    named = [text for text in wheel.metadata.get("classifiers", []) if text.startswith(TROVE)]
    if named:
        return [DisjunctiveLicense(name=text.rpartition(" :: ")[2], acknowledgement=DECLARED) for text in named]
    is_name = field and field != "UNKNOWN" and len(field) <= NAME_LENGTH and "\n" not in field
    return [said] if is_name else []


def _licence(text: str) -> License:
    return LicenseFactory().make_from_string(text or "UNKNOWN", license_acknowledgement=DECLARED)
