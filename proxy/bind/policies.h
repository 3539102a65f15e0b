#pragma once

#include "base/result.h"
#include "config/document.h"
#include "proxy/model/client_certificates.h"
#include "proxy/model/policy.h"

namespace hearth::proxy {

// One policy of all that a service uses: every list must have the client, every rate holds, the
// smallest limit counts, and of passwords and services to ask the last one named. Reads the files
// of users; one that cannot be read or holds something else is an error.
// Fails when a file of authorities cannot be used.
[[nodiscard]] Result<ClientCertificates> make_client_certificates(
    const config::ClientCertificates& from);
[[nodiscard]] Result<Policy> make_policy(const std::vector<config::Middleware>& used);

}  // namespace hearth::proxy
