"""The part of the facade that knows a platform: which one, and sending it results."""

import os
from collections.abc import Callable

from actors.upkeep import Upkeep
from actors.upload_report import UploadReport
from actors.uploading import UploadProgress, upload
from altergo_interface import SettingsError, TwinsError
from altergo_interface.gateway import Gateway
from altergo_interface.gateways import open_gateway


class WithPlatform(Upkeep):
    """The part of the facade that sends results to a platform."""

    def gateway(self, spec: str | None = None) -> Gateway:
        """The gateway that `spec` names, such as `file:DIR`, or else the settings.

        Raises SettingsError where neither names one, or one that is not known.
        """
        chosen = spec or self.settings().gateway
        if not chosen:
            raise SettingsError("no gateway is named", "Give --gateway file:DIR, or set 'gateway' in the settings")
        return open_gateway(chosen, os.environ)

    def upload(
        self,
        gateway: Gateway | str | None = None,
        select: str | None = None,
        *,
        dry_run: bool = False,
        on_progress: Callable[[UploadProgress], None] = lambda _: None,
    ) -> UploadReport:
        """Send a platform (by default that of the settings) what changed since the last upload; see `upload`."""
        chosen = self.gateway(gateway) if gateway is None or isinstance(gateway, str) else gateway
        return upload(self, chosen, select, dry_run=dry_run, on_progress=on_progress)

    def _upload_target(self, given: Gateway | None) -> Gateway | None:
        """Where a run sends its results: None without `upload_output`. Found out before the run, not after it."""
        return (given or self.gateway()) if self.settings().execution.upload_output else None

    def _upload_after_run(self, gateway: Gateway) -> UploadReport:
        """The run is through, whatever becomes of this: what hinders the upload is told in its report."""
        try:
            return self.upload(gateway)
        except TwinsError as error:
            return UploadReport(gateway.name, error=str(error))
