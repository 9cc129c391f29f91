"""Names the plugin, so that the suite runs from a checkout that is not installed as well."""

pytest_plugins = ["lockquake.pytest_plugin"]
