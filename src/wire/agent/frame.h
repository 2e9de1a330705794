// How a frame is put together and taken apart: shared by the codecs of this folder.
// What is not a message of the expected kind is an Error, whatever the bytes.
#pragma once

#include <google/protobuf/arena.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "wire/agent/agent_codec.h"

namespace muster::wire {

inline constexpr std::uint64_t kIndexLimit = 1ULL << 53;

template <class T>
struct OnArena {
  google::protobuf::Arena arena;
  T* message = google::protobuf::Arena::CreateMessage<T>(&arena);
};

inline std::unexpected<Error> malformed(std::string what) {
  return refuse(ErrorKind::usage, kMalformedBody,
                "a message between agent and server is malformed: " + std::move(what),
                "agent and server of the same version understand each other");
}

template <class T>
std::string frame(FrameKind kind, const T& message) {
  const std::size_t bytes = message.ByteSizeLong();
  std::string out(bytes + 1, '\0');
  out[0] = static_cast<char>(kind);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data()) + 1);
  return out;
}

template <class T>
bool parse(std::string_view frame_bytes, FrameKind kind, T& message) {
  MUSTER_CHECK(frame_kind(frame_bytes) == kind, "a frame is decoded as what it is");
  if (frame_bytes.size() > kServerFrameBytesMax) return false;
  return message.ParseFromArray(frame_bytes.data() + 1, static_cast<int>(frame_bytes.size() - 1));
}

}  // namespace muster::wire
