// Sends many documents, or one ZIP of them, and waits until all have ended: dotnet run 1.pdf 2.pdf …
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. .NET 8, no packages.
using System.Net.Http.Headers;
using System.Text.Json;

string Setting(string name) => Environment.GetEnvironmentVariable(name)!;
async Task<JsonElement> Read(HttpResponseMessage from) =>
    JsonDocument.Parse(await from.Content.ReadAsStringAsync()).RootElement;
using var site = new HttpClient { BaseAddress = new Uri(Setting("OCRSITE_URL")), Timeout = TimeSpan.FromMinutes(5) };
site.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Api-Key", Setting("OCRSITE_KEY"));

var form = new MultipartFormDataContent
{
    { new StringContent(Environment.GetEnvironmentVariable("OCRSITE_COMPANY") ?? "DEMO"), "companyID" },
    { new StringContent("sample"), "username" },
};
foreach (var path in args)
    form.Add(new ByteArrayContent(File.ReadAllBytes(path)), "file", Path.GetFileName(path));
using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/batches/") { Content = form };
// One key for each batch of yours: sent twice, nothing is read twice.
request.Headers.Add("Idempotency-Key", Environment.GetEnvironmentVariable("OCRSITE_BATCH") ?? Guid.NewGuid().ToString());
var sent = await Read(await site.SendAsync(request));
if (!sent.TryGetProperty("files", out var files))
{
    Console.Error.WriteLine($"{sent.GetProperty("code")}: {sent.GetProperty("detail")}");
    return 1;
}
foreach (var each in files.EnumerateArray())
{
    if (each.GetProperty("code").ValueKind == JsonValueKind.String)
        Console.WriteLine($"refused {each.GetProperty("name")} {each.GetProperty("code")}");
    else if (each.GetProperty("came_before").GetBoolean())
        Console.WriteLine($"known {each.GetProperty("name")} {each.GetProperty("extraction")}");
}

while (sent.GetProperty("address").GetString() is string address)
{
    var response = await site.GetAsync(address);
    var batch = await Read(response);
    Console.Error.WriteLine($"{batch.GetProperty("counts").GetProperty("succeeded")} of {batch.GetProperty("documents")} read");
    if (batch.GetProperty("ended").GetBoolean())
    {
        foreach (var each in batch.GetProperty("extractions").EnumerateArray())
            Console.WriteLine($"{each.GetProperty("status")} {each.GetProperty("file_name")} {each.GetProperty("invoice_number")} {each.GetProperty("total_amount")}");
        break;
    }
    await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(2)); // Retry-After
}
return 0;
