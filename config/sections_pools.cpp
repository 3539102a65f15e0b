#include "config/sections_pools.h"

#include <algorithm>
#include <string>

#include "config/codec.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

constexpr std::string_view kAuto = "auto";

// "10.0.0.240/28", "10.0.0.200-10.0.0.219", "fd00::100"
Codec<AddressRange> address_range() {
    const auto parse = [](const Value& value) -> Parsed<AddressRange> {
        const std::string& text = value.text;
        const auto dash = text.find('-');
        if (dash == std::string::npos) {
            if (const auto one = IpPrefix::parse(text))
                return AddressRange{one->address(), one->last()};
            return fault(text +
                         " is no range of addresses such as 10.0.0.240/28 or "
                         "10.0.0.200-10.0.0.219");
        }
        const auto first = IpAddress::parse(text.substr(0, dash));
        const auto last = IpAddress::parse(text.substr(dash + 1));
        if (!first || !last || first->family() != last->family())
            return fault(text + " is no range of addresses such as 10.0.0.200-10.0.0.219");
        if (*last < *first)
            return fault(text + " ends before it begins",
                         last->to_string() + "-" + first->to_string());
        return AddressRange{*first, *last};
    };
    return scalar<AddressRange>("range of addresses", text_schema(), parse);
}

TypeInfo address_type() {
    TypeInfo type = address().type;
    type.name = "auto, or address";
    type.shape = Shape::kList;
    type.limits = {1, 16};
    return type;
}

bool is_auto(const Value& value) { return value.kind == Kind::kScalar && value.text == kAuto; }

bool read_addresses(const Value& value, std::vector<IpAddress>& into, ReadContext& context) {
    return list_of(address(), {1, 16}).read(value, into, context);
}

bool read_pool(const Value& value, std::optional<PoolRequest>& request, ReadContext& context) {
    if (!request) request.emplace();
    return pool_name().read(value, request->pool, context);
}

bool read_vip_address(const Value& value, Vip& vip, ReadContext& context) {
    if (!is_auto(value)) return read_addresses(value, vip.addresses, context);
    if (!vip.request) vip.request.emplace();
    return true;
}

// A word that is no address is the name of a VIP.
bool read_service_vip(const Value& value, Service& service, ReadContext& context) {
    if (is_auto(value)) {
        if (!service.request) service.request.emplace();
        return true;
    }
    const bool is_name =
        value.kind == Kind::kScalar && !IpAddress::parse(value.text) &&
        std::ranges::any_of(value.text, [](char c) { return c >= 'a' && c <= 'z'; }) &&
        value.text.find_first_of(".:") == std::string::npos;
    if (is_name) return vip_name().read(value, service.vip, context);
    return read_addresses(value, service.addresses, context);
}

TypeInfo service_vip_type() {
    TypeInfo type = address_type();
    type.name = "auto, VIP, or address";
    return type;
}

// What is written is not asked for.
bool expect_no_pool(const Value& value, std::string_view key, ReadContext& context) {
    const Entry* pool = value.find("pool");
    if (pool == nullptr) return true;
    context.diagnostics.error(pool->key_span, "pool is for an address that is not written: leave " +
                                                  std::string(key) + " out, or write auto");
    return false;
}

}  // namespace

const Section<Pool>& pool_section() {
    static const Section<Pool> table{{
        "pools.NAME",
        "Addresses that hearth-lb gives to the VIPs and services that ask for one. The addresses "
        "alone are enough.",
        "addresses",
        {
            required("addresses", &Pool::addresses, list_of(address_range(), {1, 64}),
                     "Networks, ranges and addresses inside `lan`, kept clear of DHCP. What the "
                     "document gives to machines and other VIPs is left out by itself.",
                     "[10.0.0.240/28, 10.0.0.200-10.0.0.219, \"fd00::100-fd00::1ff\"]"),
            field("priority", &Pool::priority, integer<unsigned>(1, 1000),
                  "Of several pools the one with the lowest number is used first.", "10"),
            field("auto_assign", &Pool::auto_assign, boolean(),
                  "Whether those get an address from here, too, that do not name the pool.",
                  "false"),
            field("avoid_buggy_ips", &Pool::avoid_buggy_ips, boolean(),
                  "Leaves out IPv4 addresses that end with .0 or .255, which some devices take for "
                  "broadcasts.",
                  "false"),
        },
        {},
    }};
    return table;
}

Codec<std::string> pool_name() {
    const auto parse = [](const Value& value, ReadContext& context) -> Parsed<std::string> {
        if (context.document.find_pool(value.text) != nullptr || context.broken.contains("pools"))
            return value.text;
        std::vector<std::string> names;
        for (const Pool& pool : context.document.pools) names.push_back(pool.name);
        return fault(value.text + " is not a pool", closest(value.text, names));
    };
    return scalar<std::string>("pool", text_schema(), parse);
}

Field vip_address_field() {
    return custom_field<Vip>(
        "address", address_type(), "(auto with `pool`)", read_vip_address,
        "The address, inside `lan`, kept clear of DHCP; or several that move together; or auto: "
        "hearth-lb takes one of `pools`, and keeps it.",
        "10.0.0.53");
}

Field vip_pool_field() {
    return custom_field<Vip>(
        "pool", pool_name().type, "(any with auto_assign)",
        [](const Value& value, Vip& vip, ReadContext& context) {
            return read_pool(value, vip.request, context);
        },
        "The pool that an automatic address comes from.", "guests");
}

bool finish_vip_address(const Value& value, Span key_span, const Vip& vip, ReadContext& context) {
    if (!vip.addresses.empty()) return expect_no_pool(value, "address", context);
    if (vip.request) return true;
    context.diagnostics.error(key_span, "address is missing; for example address: 10.0.0.53");
    return false;
}

Field service_vip_field() {
    return custom_field<Service>(
        "vip", service_vip_type(), "(auto with `pool`)", read_service_vip,
        "Where a service is reached by its ports and not through the proxy: auto, for an address "
        "of its own from `pools`; a VIP of `vips`, which several services may share; or an "
        "address, which becomes a VIP with every node as a candidate when `vips` does not have it.",
        "10.0.0.101");
}

Field service_pool_field() {
    return custom_field<Service>(
        "pool", pool_name().type, "(any with auto_assign)",
        [](const Value& value, Service& service, ReadContext& context) {
            return read_pool(value, service.request, context);
        },
        "The pool that an automatic address comes from.", "guests");
}

bool finish_service_vip(const Value& value, const Service& service, ReadContext& context) {
    return (service.vip.empty() && service.addresses.empty()) ||
           expect_no_pool(value, "vip", context);
}

}  // namespace hearth::config
