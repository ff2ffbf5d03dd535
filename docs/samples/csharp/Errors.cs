// Sends a document, again where that is of use, and says what is wrong: dotnet run invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. .NET 8, no packages.
using System.Net.Http.Headers;
using System.Text.Json;

const int Tries = 5;
string Setting(string name) => Environment.GetEnvironmentVariable(name)!;
using var site = new HttpClient { BaseAddress = new Uri(Setting("OCRSITE_URL")), Timeout = TimeSpan.FromSeconds(90) };
site.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Api-Key", Setting("OCRSITE_KEY"));

MultipartFormDataContent Form(string path) => new()
{
    { new ByteArrayContent(File.ReadAllBytes(path)), "file", Path.GetFileName(path) },
    { new StringContent(Environment.GetEnvironmentVariable("OCRSITE_COMPANY") ?? "DEMO"), "companyID" },
    { new StringContent("sample"), "username" },
};

// Sends a document until it is answered for good, or the last try has failed.
async Task<(int Status, JsonElement Answer)> Submit(string path)
{
    var key = $"sample-{Path.GetFileName(path)}"; // the same at each try: nothing is read twice
    var address = "/extract";
    for (var number = 1; ; number++)
    {
        var wait = TimeSpan.FromSeconds(Math.Pow(2, number));
        using var request = new HttpRequestMessage(HttpMethod.Post, address);
        request.Content = address == "/extract" ? Form(path) : null;
        request.Headers.Add("Idempotency-Key", key);
        try
        {
            using var response = await site.SendAsync(request);
            var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            var status = (int)response.StatusCode;
            if (status is not (429 or 503) || number == Tries) return (status, answer);
            // Nothing is wrong with the document.
            wait = response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(2); // Retry-After
            if (answer.TryGetProperty("extraction", out var recorded) && recorded.ValueKind == JsonValueKind.String)
            {
                // What was recorded is read again; what was not is sent again.
                (address, key) = ($"{recorded}retry/", $"{key}-{number}");
            }
        }
        catch (Exception error) when (number < Tries && (error is HttpRequestException or TaskCanceledException))
        {
            // no answer at all
        }
        await Task.Delay(wait * (1 + Random.Shared.NextDouble() / 4));
    }
}

var (code, said) = await Submit(args[0]);
if (code < 300)
{
    Console.WriteLine($"{said.GetProperty("status")} {said.GetProperty("extraction")}");
    return 0;
}
if (code is 502 or 504)
{
    // The service has tried for minutes; later: POST to the extraction's retry/.
    Console.Error.WriteLine($"later: {said.GetProperty("code")}, {said.GetProperty("extraction")}retry/");
    return 2;
}
// The request or the document has to change: detail says how.
said.TryGetProperty("request_id", out var requestId);
Console.Error.WriteLine($"{said.GetProperty("code")}: {said.GetProperty("detail")} (request {requestId})");
return 1;
