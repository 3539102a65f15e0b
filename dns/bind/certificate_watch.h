#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/io/tls_stream.h"

namespace hearth::runtime {
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::dns {

// The certificate that the document names, read again when its files change, so that whoever renews
// it need not tell us. One that cannot be used is a problem, and the one before goes on serving. On
// the control loop.
class CertificateWatch {
public:
    using OnChange = std::function<void(std::shared_ptr<const TlsIdentity>)>;

    CertificateWatch(runtime::Problems& problems, OnChange on_change);

    // Reads them now, and tells.
    void follow(const config::DnsTls& files);
    // To be called every now and then.
    void look();

    // Whose certificate serves; null: none does.
    [[nodiscard]] const TlsIdentity* identity() const noexcept { return identity_.get(); }
    [[nodiscard]] boost::json::object describe() const;
    void collect(runtime::MetricSink& sink) const;

private:
    void read();
    [[nodiscard]] std::vector<std::filesystem::file_time_type> times() const;
    void tell_end();

    runtime::Problems& problems_;
    OnChange on_change_;
    config::DnsTls files_;
    std::vector<std::filesystem::file_time_type> read_at_;
    std::shared_ptr<const TlsIdentity> identity_;
};

}  // namespace hearth::dns
