#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "proxy/core/access_line.h"
#include "proxy/core/snapshot.h"
#include "proxy/model/error_pages.h"
#include "proxy/model/span_collector.h"
#include "proxy/model/tls.h"

namespace hearth::proxy {

// What a document asks of this node's proxy.
struct Plan {
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<Listening> listen;
    std::vector<CertificateFiles> certificates;
    std::set<std::string>
        local_names;  // get a certificate of the local CA where they have no other
    UnknownName unknown_name = UnknownName::kRefuse;
    std::size_t max_connections = 4096;
    unsigned workers = 1;
    AccessFormat access_format = AccessFormat::kOff;
    SpanCollector collector;
    std::vector<ErrorPageFile> error_pages;
    std::string node;  // its name; may be empty
};

// `node`: this machine's, or nullptr where the document lists none that it is; then only
// `proxy.listen` says where to listen.
// `doh_socket`: where hearth-dns takes DNS over HTTPS; empty: it is not handed on.
[[nodiscard]] Result<Plan> make_plan(const config::Document& document, const config::Node* node,
                                     const std::string& doh_socket = {});

}  // namespace hearth::proxy
