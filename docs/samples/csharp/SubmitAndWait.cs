// Sends a document and waits for what it says: dotnet run invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. .NET 8, no packages.
using System.Net.Http.Headers;
using System.Text.Json;

string Setting(string name) => Environment.GetEnvironmentVariable(name)!;
using var site = new HttpClient { BaseAddress = new Uri(Setting("OCRSITE_URL")), Timeout = TimeSpan.FromSeconds(90) };
site.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Api-Key", Setting("OCRSITE_KEY"));

using var form = new MultipartFormDataContent
{
    { new ByteArrayContent(File.ReadAllBytes(args[0])), "file", Path.GetFileName(args[0]) },
    { new StringContent(Environment.GetEnvironmentVariable("OCRSITE_COMPANY") ?? "DEMO"), "companyID" },
    { new StringContent("sample"), "username" },
};
using var response = await site.PostAsync("/extract", form);
var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
switch (answer.GetProperty("status").GetString())
{
    case "ok":
        var data = answer.GetProperty("data");
        Console.WriteLine($"{data.GetProperty("invoice_no")} {data.GetProperty("total_amount")} needs_review={answer.GetProperty("needs_review")}");
        return 0;
    case "pending":
        Console.WriteLine($"not read yet: ask {answer.GetProperty("extraction")}");
        return 0;
    default:
        Console.Error.WriteLine($"{answer.GetProperty("code")}: {answer.GetProperty("detail")}");
        return 1;
}
