#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/model/local_root.h"
#include "proxy/model/message.h"

// What `hearth.<domain>` answers, by plain HTTP as by HTTPS: how a device comes to trust this home.
//
//     /trust                      the root, how to install it, and whether this browser trusts it
//     /trust/root.crt, root.pem   DER, PEM
//     /trust/hearth.mobileconfig  for Apple's
//     /trust/check                what the page asks by HTTPS
namespace hearth::proxy {

struct OwnSite {
    std::string_view host;  // "hearth.home"
    std::uint16_t https_port = 443;
    const LocalRoot* root = nullptr;  // null: there is none
};

struct OwnPage {
    int status = 200;
    std::string_view content_type;
    std::string_view more_fields;  // each ended by CRLF
    std::string body;
};

[[nodiscard]] OwnPage own_page(Method method, std::string_view target, const OwnSite& site);

}  // namespace hearth::proxy
