"""The errors that kzcal raises on purpose.

    KzcalError              whatever the user can mend; the CLI prints it as one sentence
    ├── FileFormatError     a file is not what its format promises
    ├── ConfigurationError  a setting, option or TOML key is wrong
    ├── DetectorError       a detector description is wrong or cannot be found
    ├── DatabaseError       the conditions database refuses, or does not hold what was asked
    ├── PluginError         a plugin is misnamed, duplicated or broken
    ├── CalibrationError    the data do not allow the calibration that was asked for
    └── TrainingError       a translator or classifier cannot be trained any further

Every message states the rule, the value that broke it, and where one exists the remedy.
"""


class KzcalError(Exception):
    """Whatever a user can mend."""


class FileFormatError(KzcalError):
    """A file is not what its format promises."""


class ConfigurationError(KzcalError):
    """A setting, option or TOML key is wrong."""


class DetectorError(KzcalError):
    """A detector description is wrong or cannot be found."""


class DatabaseError(KzcalError):
    """The conditions database refuses, or does not hold what was asked."""


class PluginError(KzcalError):
    """A plugin is misnamed, duplicated or broken."""


class CalibrationError(KzcalError):
    """The data do not allow the calibration that was asked for."""


class TrainingError(KzcalError):
    """A translator or classifier cannot be trained any further."""
