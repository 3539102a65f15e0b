#include "lb/bind/plan_desk.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "config/load.h"
#include "runtime/daemon.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;
using runtime::ControlServer;

struct Files {
    std::string folder;
    std::vector<config::Source> sources;
};

const json::string* text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value == nullptr ? nullptr : value->if_string();
}

std::optional<Files> parse_files(std::string_view body) {
    json::error_code error;
    const auto whole = json::parse(body, error);
    const auto* object = error ? nullptr : whole.if_object();
    const auto* folder = object == nullptr ? nullptr : text_of(*object, "folder");
    const auto* listed = object == nullptr ? nullptr : object->if_contains("files");
    const auto* list = listed == nullptr ? nullptr : listed->if_array();
    if (folder == nullptr || list == nullptr || list->size() > config::kMaxFiles)
        return std::nullopt;
    Files files{std::string(*folder), {}};
    for (const auto& item : *list) {
        const auto* file = item.if_object();
        const auto* path = file == nullptr ? nullptr : text_of(*file, "path");
        const auto* text = file == nullptr ? nullptr : text_of(*file, "text");
        if (path == nullptr || text == nullptr) return std::nullopt;
        files.sources.emplace_back(std::string(*path), std::string(*text));
    }
    return files;
}

}  // namespace

PlanDesk::PlanDesk(runtime::Daemon& daemon, Preview preview)
    : daemon_(daemon), preview_(std::move(preview)) {
    daemon_.control().route_async(
        ControlMethod::kPost, "/plan",
        [this](const ControlRequest& request, const ControlServer::Reply& reply) {
            plan(request, reply);
        });
}

PlanDesk::~PlanDesk() {
    if (reader_.joinable()) reader_.join();
}

void PlanDesk::plan(const ControlRequest& request, const ControlServer::Reply& reply) {
    auto files = parse_files(request.body);
    if (!files) return reply(ControlResponse::error(400, "folder and files are expected"));
    if (is_reading_.exchange(true))
        return reply(ControlResponse::error(503, "another document is being looked at"));
    if (reader_.joinable()) reader_.join();
    reader_ = std::thread([this, alive = std::weak_ptr(alive_), reply, files = std::move(*files)] {
        auto loaded = config::load_sources(files.sources, files.folder);
        is_reading_ = false;
        if (!loaded) return reply(ControlResponse::error(422, config::render(loaded.findings)));
        const auto document = std::make_shared<config::Document>(std::move(*loaded.document));
        daemon_.control_loop().post([this, alive, document, reply] {
            if (!alive.expired()) finish(document, reply);
        });
    });
}

void PlanDesk::finish(const std::shared_ptr<config::Document>& document,
                      const ControlServer::Reply& reply) {
    const auto preview = preview_(*document);
    if (!preview) return reply(ControlResponse::error(422, preview.error().to_string()));
    reply(ControlResponse::json(json::serialize(*preview) + "\n"));
}

}  // namespace hearth::lb
