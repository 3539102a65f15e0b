#include "config/sections_apps.h"

#include "config/apps.h"
#include "config/codec.h"

namespace hearth::config {
namespace {

Codec<std::string> app_name() {
    std::vector<std::string> names;
    for (const App& app : apps()) names.emplace_back(app.name);
    const auto parse = [names](const Value& value) {
        return parse_word(value.text, names).map([&](std::size_t i) { return names[i]; });
    };
    return scalar<std::string>("application", words_schema(names), parse);
}

}  // namespace

std::vector<Field> app_fields() {
    using namespace std::chrono_literals;
    return {
        field(
            "app", &Service::app, app_name(),
            "What runs there: sets its health check and how long its answers may take, unless they "
            "are written. `hearth app NAME` tells what, and what the application itself must be "
            "told.",
            "home-assistant", Presence::kOptional, "(none)"),
        field("answer_timeout", &Service::answer_timeout, duration<std::chrono::seconds>(1s, 24h),
              "How long an upstream may take until its answer begins, once it has the whole "
              "request.",
              "30m", Presence::kOptional, "5m"),
    };
}

bool finish_app(const Value& value, Service& service, ReadContext& context) {
    for (const char* key : {"app", "answer_timeout"}) {
        const Entry* entry = value.find(key);
        if (entry == nullptr || (!service.upstreams.empty() && !service.is_stream())) continue;
        context.diagnostics.error(entry->key_span,
                                  std::string(key) +
                                      " is for services with upstreams that answer "
                                      "requests");
        return false;
    }
    if (const App* app = find_app(service.app)) apply_app(*app, value, service);
    return true;
}

}  // namespace hearth::config
