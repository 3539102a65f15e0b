#pragma once

#include <string>
#include <vector>

#include "certs/model/certificate.h"
#include "config/document.h"

namespace hearth::certs {

// What a document asks of this node's hearth-certs.
struct Plan {
    std::string domain;
    std::vector<WantedLeaf> leaves;  // of each name one; none where nobody wants a local CA
    // With one node there is nobody else who could have made a root.
    bool makes_root = false;
};

[[nodiscard]] Plan make_plan(const config::Document& document);

}  // namespace hearth::certs
