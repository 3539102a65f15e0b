#include "config/sections_client_trust.h"

#include "config/codec.h"

namespace hearth::config {
namespace {

Codec<std::string> common_name() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        if (value.text.empty() || value.text.size() > 64)
            return fault("a common name has 1 to 64 octets");
        return value.text;
    };
    return scalar<std::string>("name", text_schema(), parse);
}

bool finish_client_certificates(const Value& value, Span, void* target, ReadContext& context) {
    const auto& section = *static_cast<const ClientCertificates*>(target);
    const Entry* names = value.find("names");
    if (names == nullptr || section.use == ClientCertificateUse::kRequired) return true;
    context.diagnostics.error(names->key_span,
                              "names shut nobody out unless a certificate is required: {use: "
                              "required, names: [ann]}");
    return false;
}

}  // namespace

Field client_certificates_field() {
    static const Section<ClientCertificates> table{{
        "services.NAME.client_certificates",
        "Whether clients show a certificate. The use alone is enough.",
        "use",
        {
            required("use", &ClientCertificates::use,
                     one_of<ClientCertificateUse>({{"off", ClientCertificateUse::kOff},
                                                   {"optional", ClientCertificateUse::kOptional},
                                                   {"required", ClientCertificateUse::kRequired}}),
                     "optional: the service is told who has one; required: nobody else gets in.",
                     "required"),
            field("ca", &ClientCertificates::ca, list_of(path(), {1, 16}),
                  "The authorities (PEM files) whose certificates count.", "/etc/hearth/family.pem",
                  Presence::kOptional, "(the home's own: hearth ca client NAME)"),
            field("names", &ClientCertificates::names, list_of(common_name(), {1, 256}),
                  "Whose certificates count, by common name; others are refused.", "[ann, phone]",
                  Presence::kOptional, "(everybody's)"),
        },
        finish_client_certificates,
    }};
    return field("client_certificates", &Service::client_certificates, section(table),
                 "Certificates of clients, for HTTPS.", "required");
}

}  // namespace hearth::config
