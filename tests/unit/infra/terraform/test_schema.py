"""The extract of the provider's schema holds what the published bindings say."""

import shutil

import pytest

from tests.support.docker_provider.extract import LICENCE, PACKAGE, fetched, resource_of, stored

TYPES = """
export interface KettleConfig extends cdktf.TerraformMetaArguments {
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#name Kettle#name}
    */
    readonly name: string;
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#max_litres Kettle#max_litres}
    */
    readonly maxLitres?: number;
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#whistles Kettle#whistles}
    */
    readonly whistles?: boolean | cdktf.IResolvable;
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#labels Kettle#labels}
    */
    readonly labels?: {
        [key: string]: string;
    };
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#lids Kettle#lids}
    */
    readonly lids?: string[];
    /**
    * lid block
    *
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#lid Kettle#lid}
    */
    readonly lid?: KettleLid[] | cdktf.IResolvable;
    /**
    * spout block
    *
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#spout Kettle#spout}
    */
    readonly spout: KettleLid;
}
export interface KettleLid {
    /**
    * Docs at Terraform Registry: {@link https://example.org/docs/resources/kettle#width_cm Kettle#width_cm}
    */
    readonly widthCm: number;
}
"""
CODE = """
class KettleLidOutputReference extends cdktf.ComplexObject {
    get widthCm() { return this.getNumberAttribute('width_cm'); }
}
class Kettle extends cdktf.TerraformResource {
    get name() { return this.getStringAttribute('name'); }
    get temperature() { return this.getNumberAttribute('temperature'); }
}
"""
LID = {"attributes": {"width_cm": {"type": "number", "required": True}}, "blocks": {}}


def test_a_binding_is_read():
    assert resource_of(TYPES, CODE) == {
        "attributes": {
            "name": {"type": "string", "required": True},
            "max_litres": {"type": "number", "required": False},
            "whistles": {"type": "bool", "required": False},
            "labels": {"type": "map", "required": False},
            "lids": {"type": "list", "required": False},
        },
        "blocks": {
            "lid": {"several": True, "required": False, **LID},
            "spout": {"several": False, "required": True, **LID},
        },
        "computed": ["temperature"],
    }


def test_the_extract_says_where_it_is_from():
    assert stored()["about"]["from"] == f"npm {PACKAGE}"
    assert stored()["about"]["licence"] == LICENCE


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_extract_is_what_the_package_says():
    assert fetched() == stored()
