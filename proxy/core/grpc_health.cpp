#include "proxy/core/grpc_health.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hearth::proxy {

namespace {

constexpr std::size_t kPrefix = 5;  // of a message: compressed or not, and its length
constexpr std::size_t kMostStatus = 3;

// protobuf's varint, off the front.
std::optional<std::uint64_t> take_varint(std::string_view& text) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !text.empty(); shift += 7) {
        const auto octet = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        value |= static_cast<std::uint64_t>(octet & 0x7fU) << shift;
        if ((octet & 0x80U) == 0) return value;
    }
    return std::nullopt;
}

// The ServingStatus of a HealthCheckResponse (its field 1); 0, as any, when it is left out.
std::optional<std::uint64_t> read_status(std::string_view message) noexcept {
    std::uint64_t status = 0;
    while (!message.empty()) {
        const auto key = take_varint(message);
        if (!key) return std::nullopt;
        std::uint64_t octets = 0;
        switch (*key & 7U) {
            case 0: {
                const auto value = take_varint(message);
                if (!value) return std::nullopt;
                if (*key == 8) status = *value;
                break;
            }
            case 1: octets = 8; break;
            case 2: {
                const auto length = take_varint(message);
                if (!length) return std::nullopt;
                octets = *length;
                break;
            }
            case 5: octets = 4; break;
            default: return std::nullopt;
        }
        if (octets > message.size()) return std::nullopt;
        message.remove_prefix(static_cast<std::size_t>(octets));
    }
    return status;
}

// The only message of a body.
std::optional<std::string_view> message_of(std::string_view body) noexcept {
    if (body.size() < kPrefix || body.front() != '\0') return std::nullopt;
    std::uint32_t length = 0;
    for (std::size_t i = 1; i < kPrefix; ++i)
        length = length << 8 | static_cast<unsigned char>(body[i]);
    body.remove_prefix(kPrefix);
    if (body.size() != length) return std::nullopt;
    return body;
}

std::string field_of(const AuthAnswer& answer, std::string_view name) {
    const auto found =
        std::ranges::find_if(answer.fields, [name](const auto& one) { return one.first == name; });
    return found != answer.fields.end() ? found->second : std::string{};
}

}  // namespace

std::string grpc_health_message(std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message = "\x0a";  // field 1, a string
        message.push_back(static_cast<char>(service.size()));
        message.append(service);
    }
    std::string body(kPrefix - 1, '\0');
    body.push_back(static_cast<char>(message.size()));
    return body + message;
}

std::string grpc_health_head(std::string_view host, std::string_view service) {
    std::string head = "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: ";
    head.append(host).append("\r\nUser-Agent: hearth-proxy\r\nContent-Type: application/grpc\r\n");
    return head + "Content-Length: " + std::to_string(grpc_health_message(service).size()) +
           "\r\n\r\n";
}

std::string grpc_health_fault(const AuthAnswer& answer) {
    constexpr std::array<std::string_view, kMostStatus + 1> kNames{
        "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    if (answer.status != 200) return "answers " + std::to_string(answer.status) + " to gRPC";
    const std::string code = field_of(answer, "grpc-status");
    if (code == "5") return "has no such service (gRPC NOT_FOUND)";
    if (code == "12") return "does not tell its health (gRPC UNIMPLEMENTED)";
    if (!code.empty() && code != "0") return "answers with gRPC status " + code;
    const auto message = message_of(answer.body);
    const auto status = message ? read_status(*message) : std::nullopt;
    if (!status) return "does not answer with a grpc.health.v1.HealthCheckResponse";
    if (*status == 1) return {};
    return "is " +
           (*status <= kMostStatus ? std::string(kNames[*status]) : std::to_string(*status));
}

}  // namespace hearth::proxy
