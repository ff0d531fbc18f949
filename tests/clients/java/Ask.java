// Asks a stock OpenFeature provider of Java what a line of JSON asks, and answers with a line of JSON.
//
//     java Ask ofrep|rpc|in-process http://127.0.0.1:8013
//
// A question: {"type": "boolean", "key": "dreams", "default": false, "context": {"targetingKey": "ana"}}.

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.openfeature.contrib.providers.flagd.Config;
import dev.openfeature.contrib.providers.flagd.FlagdOptions;
import dev.openfeature.contrib.providers.flagd.FlagdProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.Client;
import dev.openfeature.sdk.EvaluationContext;
import dev.openfeature.sdk.FeatureProvider;
import dev.openfeature.sdk.FlagEvaluationDetails;
import dev.openfeature.sdk.ImmutableContext;
import dev.openfeature.sdk.OpenFeatureAPI;
import dev.openfeature.sdk.Value;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

final class Ask {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static FeatureProvider provider(String kind, String url) {
        switch (kind) {
            case "ofrep":
                return OfrepProvider.constructProvider(OfrepProviderOptions.builder().baseUrl(url).build());
            case "rpc":
                return flagd(Config.Resolver.RPC, url);
            case "in-process":
                return flagd(Config.Resolver.IN_PROCESS, url);
            default:
                throw new IllegalArgumentException("no provider is called " + kind);
        }
    }

    private static FeatureProvider flagd(Config.Resolver resolver, String url) {
        URI where = URI.create(url);
        FlagdOptions.FlagdOptionsBuilder options = FlagdOptions.builder().resolverType(resolver);
        // Its half a second is for processes that are warm: this one loads its classes meanwhile, beside other tests.
        options = options.deadline(5_000);
        return new FlagdProvider(options.host(where.getHost()).port(where.getPort()).build());
    }

    private static EvaluationContext context(Map<String, Object> asked) {
        Map<String, Value> attributes = asked.entrySet().stream()
                .filter(entry -> !entry.getKey().equals("targetingKey"))
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> Value.objectToValue(entry.getValue())));
        Object key = asked.get("targetingKey");
        return key == null ? new ImmutableContext(attributes) : new ImmutableContext((String) key, attributes);
    }

    /** Objects as lists and maps of what JSON knows. */
    private static Object plain(Value value) {
        if (value.isStructure()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            value.asStructure().asMap().forEach((name, field) -> fields.put(name, plain(field)));
            return fields;
        }
        if (value.isList()) {
            return value.asList().stream().map(Ask::plain).collect(Collectors.toList());
        }
        return value.asObject();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> ask(Client client, Map<String, Object> question) {
        String key = (String) question.get("key");
        Object otherwise = question.get("default");
        EvaluationContext who = context((Map<String, Object>) question.getOrDefault("context", Map.of()));
        switch ((String) question.get("type")) {
            case "boolean":
                return answer(client.getBooleanDetails(key, (Boolean) otherwise, who));
            case "string":
                return answer(client.getStringDetails(key, (String) otherwise, who));
            case "integer":
                return answer(client.getIntegerDetails(key, ((Number) otherwise).intValue(), who));
            case "float":
                return answer(client.getDoubleDetails(key, ((Number) otherwise).doubleValue(), who));
            case "object":
                return answer(client.getObjectDetails(key, Value.objectToValue(otherwise), who));
            default:
                throw new IllegalArgumentException("no type is called " + question.get("type"));
        }
    }

    private static Map<String, Object> answer(FlagEvaluationDetails<?> details) {
        Map<String, Object> answer = new LinkedHashMap<>();
        Object value = details.getValue();
        answer.put("value", value instanceof Value ? plain((Value) value) : value);
        answer.put("variant", details.getVariant());
        answer.put("reason", details.getReason());
        answer.put("error", details.getErrorCode() == null ? null : details.getErrorCode().name());
        answer.put("message", details.getErrorMessage());
        return answer;
    }

    private static void run(String kind, String url) throws Exception {
        OpenFeatureAPI api = OpenFeatureAPI.getInstance();
        api.setProviderAndWait(provider(kind, url));
        Client client = api.getClient();
        // What a library prints must not stand between the answers, and JSON is UTF-8 whatever the machine's language is.
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        out.println(JSON.writeValueAsString(Map.of("ready", true)));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> question = JSON.readValue(line, new TypeReference<Map<String, Object>>() {});
            out.println(JSON.writeValueAsString(ask(client, question)));
        }
        api.shutdown();
    }

    public static void main(String[] arguments) {
        try {
            run(arguments[0], arguments[1]);
        } catch (Exception error) {
            error.printStackTrace();
            // A provider that could not begin leaves threads behind.
            System.exit(1);
        }
    }
}
