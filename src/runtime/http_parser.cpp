// Beast's parser with callbacks into a plain head; nothing of Asio is used.
// A chunked body and one of known length look the same to whoever takes the pieces.
#include "runtime/http_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <optional>

namespace muster::runtime {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint32_t kHeaderBytesMax = 16 * 1024;
constexpr std::size_t kHeaderLinesMax = 64;
constexpr std::size_t kLastChunkBytes = 5;  // 0 CR LF CR LF

front::Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return front::Method::get;
    case http::verb::head:
      return front::Method::head;
    case http::verb::post:
      return front::Method::post;
    case http::verb::put:
      return front::Method::put;
    case http::verb::patch:
      return front::Method::patch;
    case http::verb::delete_:
      return front::Method::del;
    case http::verb::options:
      return front::Method::options;
    default:
      return front::Method::other;
  }
}

void assign_lower(std::string& out, beast::string_view text) {
  out.resize(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
}

class Parser final : public http::basic_parser<true> {
 public:
  Parser(front::RequestHead& head, const std::function<bool(std::string_view)>*& on_body)
      : head_(head), on_body_(on_body) {
    header_limit(kHeaderBytesMax);
    body_limit(boost::none);
  }
  std::size_t lines() const { return lines_; }
  bool too_many_lines() const { return lines_ > kHeaderLinesMax; }

 private:
  void on_request_impl(http::verb verb, beast::string_view, beast::string_view target, int,
                       beast::error_code&) override {
    head_.method = method_of(verb);
    head_.target.assign(target.data(), target.size());
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& error) override {
    if (++lines_ > kHeaderLinesMax) {
      error = http::error::header_limit;
      return;
    }
    // Strings of earlier requests are used again.
    if (head_.fields.size() < lines_) head_.fields.emplace_back();
    auto& [field, text] = head_.fields[lines_ - 1];
    assign_lower(field, name);
    text.assign(value.data(), value.size());
  }
  void on_header_impl(beast::error_code&) override { head_.fields.resize(lines_); }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code& error) override {
    return take(body, error);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& error) override {
    return take(body, error);
  }
  void on_finish_impl(beast::error_code&) override {}

  std::size_t take(beast::string_view body, beast::error_code& error) {
    if (!(*on_body_)({body.data(), body.size()})) error = http::error::body_limit;
    return body.size();
  }

  front::RequestHead& head_;
  const std::function<bool(std::string_view)>*& on_body_;
  std::size_t lines_ = 0;
};

}  // namespace

struct HttpParser::State {
  front::RequestHead head;
  const std::function<bool(std::string_view)>* on_body = nullptr;
  std::optional<Parser> parser;
  bool head_given = false;
  bool body_cut = false;
  int status = 0;
  std::string why;

  HttpProgress refuse(const beast::error_code& error) {
    if (error == http::error::header_limit) {
      status = 431;
      why = "the header is larger than 16 KiB or has more than 64 lines";
    } else {
      status = 400;
      why = "this is not HTTP/1.1: " + error.message();
    }
    return HttpProgress::refused;
  }
};

HttpParser::HttpParser() : state_(std::make_unique<State>()) { reset(); }
HttpParser::~HttpParser() = default;

void HttpParser::reset() {
  state_->parser.emplace(state_->head, state_->on_body);
  state_->head_given = false;
  state_->body_cut = false;
  state_->status = 0;
}

HttpProgress HttpParser::put(std::string_view bytes, std::size_t& used,
                             const std::function<bool(std::string_view)>& on_body) {
  State& state = *state_;
  Parser& parser = *state.parser;
  state.on_body = &on_body;
  used = 0;
  for (;;) {
    if (parser.is_header_done() && !state.head_given) {
      state.head_given = true;
      return HttpProgress::head_done;
    }
    if (parser.is_done()) return HttpProgress::done;
    if (used == bytes.size()) return HttpProgress::need_more;
    // A chunked body ends with five bytes at least, and Beast takes it for granted that it gets them together.
    if (state.head_given && parser.chunked() && bytes.size() - used < kLastChunkBytes)
      return HttpProgress::need_more;
    parser.eager(state.head_given);
    beast::error_code error;
    const std::size_t taken =
        parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += taken;
    if (error == http::error::need_more) return HttpProgress::need_more;
    if (error == http::error::body_limit && state.head_given) {
      state.body_cut = true;
      return HttpProgress::done;
    }
    if (error) return state.refuse(error);
    if (taken == 0 && !parser.is_done() && parser.is_header_done() == state.head_given)
      return HttpProgress::need_more;
  }
}

const front::RequestHead& HttpParser::head() const { return state_->head; }
front::RequestHead& HttpParser::head() { return state_->head; }
bool HttpParser::keep_alive() const { return state_->parser->keep_alive(); }
bool HttpParser::is_upgrade() const { return state_->parser->upgrade(); }
bool HttpParser::expects_continue() const { return state_->head.find("expect") == "100-continue"; }
bool HttpParser::body_cut() const { return state_->body_cut; }
int HttpParser::status() const { return state_->status; }
std::string_view HttpParser::why() const { return state_->why; }

std::uint64_t HttpParser::content_length() const {
  const auto length = state_->parser->content_length();
  return length ? *length : 0;
}

bool HttpParser::has_body() const { return state_->parser->chunked() || content_length() != 0; }

}  // namespace muster::runtime
