// Every route has its shapes, every shape is used, and nothing refers to what is not there.
// What a shape says is held to by the end-to-end tests, which look at every call they make.
#include "front/schemas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "front/routes.h"

namespace muster::front {
namespace {

TEST(Schemas, EveryOperationHasItsShapesAndNoOtherHas) {
  std::set<std::string_view> routes;
  for (const Route& route : all_routes()) {
    routes.insert(route.operation);
    const OperationShapes* shapes = shapes_of(route.operation);
    ASSERT_NE(shapes, nullptr) << route.operation << " has no row in front/schemas.cpp";
    EXPECT_EQ(route.body != Body::none, !shapes->request.empty()) << route.operation;
  }
  for (const OperationShapes& one : all_operation_shapes())
    EXPECT_TRUE(routes.contains(one.operation)) << one.operation << " is no operation";
}

TEST(Schemas, EveryShapeHasOneNameAndIsReferredTo) {
  const std::string json = openapi_json("1");
  std::set<std::string_view> names;
  for (const Shape& shape : all_shapes()) {
    EXPECT_TRUE(names.insert(shape.name).second) << shape.name;
    const std::string name(shape.name);
    const bool taken_over = std::any_of(all_shapes().begin(), all_shapes().end(), [&](const Shape& other) {
      return (" " + std::string(other.members) + " ").find(" " + name + " ") != std::string::npos;
    });
    EXPECT_TRUE(taken_over || json.find("#/components/schemas/" + name + "\"") != std::string::npos) << name;
  }
}

TEST(Schemas, AShapeIsWrittenAsJsonSchema) {
  std::string json;
  wire::JsonWriter out(json);
  write_schema(
      out, {"X", "schema=x/1 id:int note?:text|null items:[[text]] of:{int} is:<a,b>|null at:Batch|null"});
  EXPECT_EQ(
      json,
      R"({"type":"object","properties":{"schema":{"const":"x/1"},"id":{"type":"integer"},)"
      R"("note":{"type":["string","null"]},"items":{"type":"array","items":{"type":"array","items":{"type":"string"}}},)"
      R"("of":{"type":"object","additionalProperties":{"type":"integer"}},)"
      R"("is":{"type":["string","null"],"enum":["a","b",null]},)"
      R"("at":{"anyOf":[{"$ref":"#/components/schemas/Batch"},{"type":"null"}]}},)"
      R"("required":["schema","id","items","of","is","at"],"additionalProperties":false})");
}

}  // namespace
}  // namespace muster::front
