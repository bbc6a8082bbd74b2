"""The form: made from the settings classes, so that a new setting appears by itself."""

from napari_mixedptycho._napari.form.form import SettingsForm

__all__ = ["SettingsForm"]
