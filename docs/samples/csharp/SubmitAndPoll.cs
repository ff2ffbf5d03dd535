// Sends a document, and asks for its result until it is there: dotnet run invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. .NET 8, no packages.
using System.Net.Http.Headers;
using System.Text.Json;

string Setting(string name) => Environment.GetEnvironmentVariable(name)!;
async Task<JsonElement> Read(HttpResponseMessage from) =>
    JsonDocument.Parse(await from.Content.ReadAsStringAsync()).RootElement;
using var site = new HttpClient { BaseAddress = new Uri(Setting("OCRSITE_URL")) };
site.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Api-Key", Setting("OCRSITE_KEY"));

var name = Path.GetFileName(args[0]);
using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/extractions/")
{
    Content = new MultipartFormDataContent
    {
        { new ByteArrayContent(File.ReadAllBytes(args[0])), "file", name },
        { new StringContent(Environment.GetEnvironmentVariable("OCRSITE_COMPANY") ?? "DEMO"), "companyID" },
        { new StringContent("sample"), "username" },
    },
};
// The name of your own document: sent twice, it is the same extraction.
request.Headers.Add("Idempotency-Key", $"sample-{name}");
var response = await site.SendAsync(request);
var answer = await Read(response);
string? Status() => answer.TryGetProperty("status", out var status) ? status.GetString() : null;
while (Status() == "pending")
{
    await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(2)); // Retry-After
    response = await site.GetAsync(answer.GetProperty("extraction").GetString());
    answer = await Read(response);
}
if (Status() != "ok")
{
    Console.Error.WriteLine($"{answer.GetProperty("code")}: {answer.GetProperty("detail")}");
    return 1;
}
var invoice = answer.GetProperty("invoice");
Console.WriteLine($"{invoice.GetProperty("invoice_number")} {invoice.GetProperty("total_amount")} needs_review={invoice.GetProperty("needs_review")}");
return 0;
