# SPDX-License-Identifier: Apache-2.0
"""CAs, and the files that they make."""

from dataclasses import dataclass
from pathlib import Path

import grpc
import trustme


@dataclass
class Authority:
    ca: trustme.CA
    directory: Path

    @property
    def file(self) -> Path:
        path = self.directory / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    @property
    def root(self) -> bytes:
        return self.ca.cert_pem.bytes()

    def issue(self, name: str) -> tuple[Path, Path]:
        certificate = self.ca.issue_cert(name)
        paths = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        certificate.cert_chain_pems[0].write_to_path(paths[0])
        certificate.private_key_pem.write_to_path(paths[1])
        return paths

    def credentials(self, client: "tuple[Path, Path] | None" = None) -> grpc.ChannelCredentials:
        certificate, key = client or (None, None)
        return grpc.ssl_channel_credentials(
            self.root, key and key.read_bytes(), certificate and certificate.read_bytes()
        )


def authority(directory: Path) -> Authority:
    directory.mkdir()
    return Authority(trustme.CA(), directory)
